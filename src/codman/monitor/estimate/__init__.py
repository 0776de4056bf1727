"""Performance of a window at every age: estimated without labels, partial while they come in, final.

Start at run.py. calibration.py says what a score means; cbpe.py estimates; pape.py does so under covariate shift;
partial.py weights the labels so far; verification.py knows who was never checked; reconcile.py tells how good the
estimates have been.
"""
