-- What a family of scores keeps of a clip so that it can be compared with others: bytes that only that family reads.
CREATE TABLE feature (
    seq BIGINT NOT NULL,
    clip VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    data BLOB NOT NULL
);
