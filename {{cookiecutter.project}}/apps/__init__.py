"""One folder an app. What lies here is found at the next run; nothing is registered by hand."""
