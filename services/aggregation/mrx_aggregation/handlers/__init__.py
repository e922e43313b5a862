"""The use cases of aggregation, one verb each."""
