"""Health, info, metrics, loggers: the paths and shapes of Spring Boot's actuator, without the envelope."""
