-- The highest value between the samples, beside the highest sample.
ALTER TABLE scoring ADD COLUMN true_peak_dbtp DOUBLE;
