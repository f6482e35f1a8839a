-- +goose Up
-- Who hold a lane is found without looking through its queue.
CREATE INDEX runs_holding ON runs (app, lane) WHERE lane <> '' AND holds = 1 AND finished_at = 0;
