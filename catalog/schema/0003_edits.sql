-- Edits, notes and tags, in the same journal as the verdicts: what an action did to each clip, and what was there before.
-- The table `action` is made again because the kinds of action it may hold are part of it.
CREATE TABLE journal_action (
    seq BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL CHECK (kind IN ('decide', 'edit', 'remark', 'undo', 'redo')),
    target BIGINT,
    clips INTEGER NOT NULL,
    acted_at TIMESTAMP NOT NULL
);
INSERT INTO journal_action SELECT seq, kind, target, clips, acted_at FROM action ORDER BY seq;
DROP TABLE action;
ALTER TABLE journal_action RENAME TO action;

-- Whether a clip is one of the present clips; a clip without a row here is, unless another one supersedes it.
CREATE TABLE presence (
    action BIGINT NOT NULL,
    clip VARCHAR NOT NULL,
    shown BOOLEAN NOT NULL,
    was BOOLEAN NOT NULL
);

CREATE TABLE remark (
    action BIGINT NOT NULL,
    clip VARCHAR NOT NULL,
    note VARCHAR NOT NULL,
    tags VARCHAR[] NOT NULL,
    was_note VARCHAR NOT NULL,
    was_tags VARCHAR[] NOT NULL
);
