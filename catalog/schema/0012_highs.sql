-- The level above 2 kHz, where consonants sound and the tails of rooms hardly do, so that cuts spare the consonants. NULL
-- where an earlier version heard the recording.
ALTER TABLE activity ADD COLUMN highs BLOB;
