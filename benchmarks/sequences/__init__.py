"""The time of an epoch on labelled sequences, beside plain torch and Keras; and the loop's own share."""
