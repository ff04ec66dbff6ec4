-- owner: connections
-- By which a system of the tenant proves that events come from it; sealed.
alter table connections add column event_secret bytea;
