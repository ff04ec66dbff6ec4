-- owner: notify
-- Whom a tenant wants told when something goes wrong, beside its privacy contact: addresses, of people without an account.
create table notice_contacts (
  tenant_id text not null,
  contact_id uuid not null,
  -- Sealed; found again by its keyed index.
  mail bytea not null,
  mail_index text not null,
  language text not null check (language in ('en', 'sv')),
  added_at timestamptz not null,
  -- Since when mail to it comes back.
  bounced_at timestamptz,
  primary key (tenant_id, contact_id),
  unique (tenant_id, mail_index)
);
select sluss_tenant_table('notice_contacts', 'select, insert, update, delete');

-- What people wrote for this tenant, in each language, as it was frozen. Sealed under the tenant's key; never changed.
create table notice_documents (
  tenant_id text not null,
  document_id uuid not null,
  body bytea not null,
  made_at timestamptz not null,
  primary key (tenant_id, document_id)
);
select sluss_tenant_table('notice_documents', 'select, insert');

-- The envelope id of a mail (RFC 3461), which its delivery report quotes. Keyed: it tells nothing.
alter table notice_sends add column mail_id text, add column bounced_at timestamptz;
create index notice_sends_mail on notice_sends (tenant_id, mail_id) where mail_id is not null;
