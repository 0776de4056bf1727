"""Writes patients.csv and challenger.csv: 4,000 invented predictions by two models of 2,600 invented patients."""

import csv
import math
import random

random.seed(2026)
COLUMNS = ["row", "patient_id", "sex", "age", "risk", "died"]


def share(log_odds):
    """The probability with these log odds."""
    return 1 / (1 + math.exp(-log_odds))


with open("patients.csv", "w", newline="") as first, open("challenger.csv", "w", newline="") as second:
    champion, challenger = csv.writer(first), csv.writer(second)
    champion.writerow(COLUMNS)
    challenger.writerow(COLUMNS)
    for row in range(4000):
        patient = f"p{random.randrange(2600):04d}"
        sex, age = random.choice("FM"), random.randrange(20, 95)
        truth = -2.4 + 0.04 * (age - 60) + random.gauss(0, 1.1)
        missed = 1.2 if sex == "F" else 0.0  # the champion says too little for women
        risk = share(truth + random.gauss(0, 0.7) - missed)
        better = share(truth + random.gauss(0, 0.5))
        died = int(random.random() < share(truth))
        champion.writerow([row, patient, sex, age, f"{risk:.5f}", died])
        challenger.writerow([row, patient, sex, age, f"{better:.5f}", died])
