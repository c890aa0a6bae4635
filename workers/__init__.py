"""The Celery application and its thin tasks: open a unit of work, call `opv`, wake the next step."""
