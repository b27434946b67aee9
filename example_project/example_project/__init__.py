"""A small real host of django-iot-ingest."""
