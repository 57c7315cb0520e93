-- What is known. Ids come from content, time is samples at the recording's own rate, TIMESTAMP is UTC.
-- Rows are only added; `seq` orders those of which the latest counts. No foreign keys and no secondary indexes.

CREATE TABLE recording (
    id VARCHAR PRIMARY KEY,
    sha256 VARCHAR NOT NULL,
    speaker VARCHAR NOT NULL,
    sample_rate INTEGER NOT NULL CHECK (sample_rate > 0),
    channels INTEGER NOT NULL CHECK (channels > 0),
    samples BIGINT NOT NULL CHECK (samples >= 0),
    format VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    parent VARCHAR,
    derivation VARCHAR NOT NULL,
    added_at TIMESTAMP NOT NULL
);

CREATE TABLE location (
    seq BIGINT NOT NULL,
    recording VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

CREATE TABLE activity (
    seq BIGINT NOT NULL,
    recording VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    vad_hop_s DOUBLE NOT NULL,
    vad BLOB NOT NULL,
    energy_hop_s DOUBLE NOT NULL,
    energy BLOB NOT NULL
);

CREATE TABLE slicing (
    seq BIGINT NOT NULL,
    recording VARCHAR NOT NULL,
    slicer VARCHAR NOT NULL,
    sliced_at TIMESTAMP NOT NULL
);

CREATE TABLE left_out (
    slicing BIGINT NOT NULL,
    recording VARCHAR NOT NULL,
    start_sample BIGINT NOT NULL,
    end_sample BIGINT NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE TABLE clip (
    id VARCHAR PRIMARY KEY,
    recording VARCHAR NOT NULL,
    start_sample BIGINT NOT NULL CHECK (start_sample >= 0),
    end_sample BIGINT NOT NULL CHECK (end_sample > start_sample),
    short BOOLEAN NOT NULL,
    slicer VARCHAR NOT NULL,
    supersedes VARCHAR,
    added_at TIMESTAMP NOT NULL
);

CREATE TABLE scoring (
    seq BIGINT NOT NULL,
    clip VARCHAR NOT NULL,
    scored_at TIMESTAMP NOT NULL,
    versions VARCHAR NOT NULL,
    snr_db DOUBLE,
    noise_floor_dbfs DOUBLE,
    silence_ratio DOUBLE,
    longest_pause_s DOUBLE,
    overlap_ratio DOUBLE,
    f0_low_hz DOUBLE,
    f0_median_hz DOUBLE,
    f0_high_hz DOUBLE,
    pitch_range_st DOUBLE,
    voiced_ratio DOUBLE,
    clipped_ratio DOUBLE,
    peak_dbfs DOUBLE,
    loudness_lufs DOUBLE,
    bandwidth_hz DOUBLE,
    hum_db DOUBLE,
    reverb_rt60_s DOUBLE,
    music_ratio DOUBLE,
    speaker_similarity DOUBLE,
    duplicate_of VARCHAR,
    mos DOUBLE
);

-- The journal of verdicts: an action is one wish of a person, its decisions are what it did to each clip.
CREATE TABLE action (
    seq BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL CHECK (kind IN ('decide', 'undo', 'redo')),
    target BIGINT,
    clips INTEGER NOT NULL,
    acted_at TIMESTAMP NOT NULL
);

CREATE TABLE decision (
    action BIGINT NOT NULL,
    clip VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL CHECK (verdict IN ('accepted', 'rejected', 'undecided')),
    reasons VARCHAR[] NOT NULL,
    was VARCHAR NOT NULL,
    was_reasons VARCHAR[] NOT NULL
);

CREATE TABLE frozen_set (
    id VARCHAR NOT NULL,
    name VARCHAR PRIMARY KEY,
    clips INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,
    speakers VARCHAR[] NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE set_clip (
    set_name VARCHAR NOT NULL,
    clip VARCHAR NOT NULL,
    recording VARCHAR NOT NULL,
    recording_sha256 VARCHAR NOT NULL,
    speaker VARCHAR NOT NULL,
    start_sample BIGINT NOT NULL,
    end_sample BIGINT NOT NULL,
    sample_rate INTEGER NOT NULL,
    file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL
);

CREATE TABLE run (
    id VARCHAR PRIMARY KEY,
    model VARCHAR NOT NULL,
    set_id VARCHAR NOT NULL,
    request VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL
);

CREATE TABLE run_end (
    seq BIGINT NOT NULL,
    run VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    result VARCHAR NOT NULL,
    ended_at TIMESTAMP NOT NULL
);

CREATE TABLE model (
    seq BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    id VARCHAR NOT NULL,
    run VARCHAR,
    card VARCHAR NOT NULL,
    added_at TIMESTAMP NOT NULL
);

CREATE TABLE conversion (
    id VARCHAR PRIMARY KEY,
    model VARCHAR NOT NULL,
    model_id VARCHAR,
    record VARCHAR NOT NULL,
    converted_at TIMESTAMP NOT NULL
);
