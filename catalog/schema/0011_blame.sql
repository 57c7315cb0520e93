-- What a finished training says of each clip of its set; of a clip the row of the highest seq counts. `decided` is the
-- last action of the journal at that time: whoever decided on the clip later has looked at it again.
CREATE TABLE blame (
    seq BIGINT NOT NULL,
    run VARCHAR NOT NULL,
    clip VARCHAR NOT NULL,
    strangeness DOUBLE NOT NULL,
    reason VARCHAR,
    start_s DOUBLE,
    end_s DOUBLE,
    decided BIGINT NOT NULL,
    blamed_at TIMESTAMP NOT NULL
);
