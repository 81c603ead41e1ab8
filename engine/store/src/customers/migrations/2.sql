-- Format 2 of customers.db: which ticket a draft became is asked for at each ticket.

CREATE INDEX ticket_by_draft ON ticket (draft) WHERE draft IS NOT NULL;
