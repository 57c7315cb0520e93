-- How sure it is that a frame is voiced, x 255, beside the network's speech probabilities, so that a recording can be
-- sliced as speech or as singing without decoding it again. NULL where an earlier version heard the recording.
ALTER TABLE activity ADD COLUMN voicing_hop_s DOUBLE;
ALTER TABLE activity ADD COLUMN voicing BLOB;
-- The action of the journal that sliced a recording again: when it is undone, the slicing before it counts.
ALTER TABLE slicing ADD COLUMN action BIGINT;
