"""What is published: its manifests, and (marker `clients`) what `packaging/build.py` builds."""
