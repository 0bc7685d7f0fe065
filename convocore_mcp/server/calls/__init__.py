"""What every call uses before it is answered: the backend, its deadline, the cache of answers."""
