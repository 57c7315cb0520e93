-- What was learned from verdicts, the latest of which counts (NULL: nothing from here on), and filters kept under a name.
CREATE TABLE judgement (
    seq BIGINT NOT NULL,
    document VARCHAR,
    learned_at TIMESTAMP NOT NULL
);

CREATE TABLE saved_filter (
    seq BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    filter VARCHAR NOT NULL,
    sort VARCHAR NOT NULL,
    removed BOOLEAN NOT NULL,
    saved_at TIMESTAMP NOT NULL
);
