"""How gunicorn runs in the demo. It ignores names that it does not know yet."""

workers = 2

# Newer versions open a socket in the home folder, one for all.
control_socket_disable = True
