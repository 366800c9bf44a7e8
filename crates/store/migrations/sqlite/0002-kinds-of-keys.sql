-- Credentials hold keys of several kinds. Those that are there hold plain ones.
ALTER TABLE credentials ADD COLUMN kind TEXT NOT NULL DEFAULT 'plain';
