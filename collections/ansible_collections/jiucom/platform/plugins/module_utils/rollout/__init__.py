"""How the replicas of the API are replaced without a lost request."""
