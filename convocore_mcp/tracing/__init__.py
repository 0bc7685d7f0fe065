"""Traces: when they are made, and how they are sent."""
