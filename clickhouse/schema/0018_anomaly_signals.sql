-- Which of the detector's signals made an anomaly, and with what share of its surprise.
ALTER TABLE anomalies ADD COLUMN IF NOT EXISTS signals Array(Tuple(name String, share Float64)) DEFAULT []
