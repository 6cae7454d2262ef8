"""Sensor series sent as few messages: a recurrent network beside send-on-delta and lines."""
