"""What Zipkin leaves to others where its traces are in Elasticsearch: old days end, links are counted, figures are shown."""
