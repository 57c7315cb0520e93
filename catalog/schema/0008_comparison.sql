-- What of a family's features has been compared: for each scope (such as a speaker) a mark that changes with them.
CREATE TABLE comparison (
    seq BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    mark VARCHAR NOT NULL,
    compared_at TIMESTAMP NOT NULL
);
