"""What every call passes before it is answered: the backend, its deadline, answers given before."""
