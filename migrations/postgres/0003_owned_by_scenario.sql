-- +goose Up
-- The runs of one scenario that a node owns are found without looking through those of others.
DROP INDEX runs_owned;
CREATE INDEX runs_owned ON runs (owner, app, scenario, id) WHERE status = 'ready';
