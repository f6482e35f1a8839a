-- +goose Up
-- The history of one object, newest first, without looking through the changes of the others.
CREATE INDEX changes_of_object ON changes (app, structure, object, seq);
