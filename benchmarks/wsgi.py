"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from benchmarks import stage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

application = get_wsgi_application()

stage.count_nothing()
