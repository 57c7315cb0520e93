-- The settings of a conversion that a person keeps for a model, the latest of which counts (NULL: none from here on).
CREATE TABLE voice_settings (
    seq BIGINT NOT NULL,
    model VARCHAR NOT NULL,
    options VARCHAR,
    saved_at TIMESTAMP NOT NULL
);
