-- What else a slicing was made with: its shortest clip that is not marked short, in samples, and the version of the
-- activity it was cut by. NULL where an earlier version of the program sliced.
ALTER TABLE slicing ADD COLUMN shortest BIGINT;
ALTER TABLE slicing ADD COLUMN heard VARCHAR;
