# Loads %cred in kernels that a credmagic server started; elsewhere it does nothing and leaves no names.
# Called directly, so that a notebook's own `%load_ext credmagic` is not told that it came too late.
try:
    if __import__("os").environ.get("CREDMAGIC_SOCKET"):
        __import__("credmagic").load_ipython_extension(get_ipython())  # noqa: F821
except Exception:  # noqa: S110
    pass
