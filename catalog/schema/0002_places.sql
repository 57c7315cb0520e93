-- Where in its clip each score is worst: a JSON object {score: [start_s, end_s]}, seconds from the clip's start.
ALTER TABLE scoring ADD COLUMN places VARCHAR;
