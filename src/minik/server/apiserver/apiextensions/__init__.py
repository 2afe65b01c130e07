"""What makes CustomResourceDefinitions take effect while the server runs."""
