"""Reads the features that edgetl cached: `samples.db` is plain SQLite."""

import sqlite3

import numpy as np


def training_set(database):
    """Features `[N,C]` float32, class indices `[N]`, class names; in the order of sample ids."""
    query = """SELECT label, vector FROM samples JOIN features ON sample_id = id
        WHERE label IS NOT NULL AND split = 'train' ORDER BY id"""
    with sqlite3.connect(database) as connection:
        rows = connection.execute(query).fetchall()
    names = sorted({label for label, _ in rows})
    features = np.stack([np.frombuffer(vector, "<f4") for _, vector in rows])
    return features, np.array([names.index(label) for label, _ in rows]), names
