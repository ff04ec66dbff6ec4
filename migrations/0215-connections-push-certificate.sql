-- owner: connections
-- What may be known of a connection's push certificate without opening it, and which warning of its end was given.
create table push_certificates (
  tenant_id text not null,
  connection_id text not null,
  topic text not null,
  serial_number text not null,
  fingerprint text not null,
  expires_at timestamptz not null,
  uploaded_at timestamptz not null,
  -- Days that were left at the last warning; the next one is given with fewer.
  warned_days int,
  primary key (tenant_id, connection_id)
);
select sluss_tenant_table('push_certificates', 'select, insert, update, delete');
