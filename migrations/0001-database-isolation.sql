-- owner: database
-- Every table that holds a tenant's rows is handed to this function, once, in the migration that makes it.

revoke all on schema public from public;
grant usage on schema public to sluss_app;

create function sluss_tenant_table(name text, privileges text) returns void
language plpgsql as $$
declare
  first_key_column text;
begin
  select a.attname into first_key_column
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
   where i.indrelid = name::regclass and i.indisprimary;
  if first_key_column is distinct from 'tenant_id' then
    raise exception 'the primary key of % must begin with tenant_id', name;
  end if;
  execute format('alter table %I enable row level security', name);
  execute format('alter table %I force row level security', name);
  execute format(
    'create policy tenant on %I using (tenant_id = current_setting(''sluss.tenant_id'', true))
       with check (tenant_id = current_setting(''sluss.tenant_id'', true))', name);
  execute format('revoke all on %I from public', name);
  execute format('grant %s on %I to sluss_app', privileges, name);
end
$$;

-- A node tells the others that it is alive. What a dead node left open, another one closes.
create table nodes (
  tenant_id text not null,
  node_id text not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  primary key (tenant_id, node_id)
);
select sluss_tenant_table('nodes', 'select, insert, update, delete');

-- A table whose tenants the installation must enumerate (by functions that answer identifiers only).
-- The owner role may then read its rows; the application's role may not.
create function sluss_enumerable(name text) returns void
language plpgsql as $$
begin
  execute format('create policy owner_enumerates on %I for select to %I using (true)', name, current_user);
end
$$;
