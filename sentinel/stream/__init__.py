"""The service: the three stages on Kafka, as a Faust application."""
