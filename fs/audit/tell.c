#include "fs/audit/log.h"

void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

void queue_add(struct queue *queue, struct audit_ticket *ticket)
{
	ticket->next = NULL;
	*queue->end = ticket;
	queue->end = &ticket->next;
}

void queue_move(struct queue *from, struct queue *to)
{
	if (!from->first)
		return;
	*to->end = from->first;
	to->end = from->end;
	queue_init(from);
}

void writer_refuse(struct audit *audit, struct queue *queue)
{
	for (const struct audit_ticket *ticket = queue->first; ticket; ticket = ticket->next)
		audit->refused++;
	queue_move(queue, &audit->bad);
	if (audit->bad.first)
		pthread_cond_signal(&audit->told);
}

static void queue_tell(struct audit_ticket *ticket, enum bl_status status)
{
	while (ticket) {
		struct audit_ticket *next = ticket->next; /* done() may free or reuse the ticket */

		ticket->done(ticket, status);
		ticket = next;
	}
}

void *notify_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	for (;;) {
		while (!audit->good.first && !audit->bad.first &&
		       !atomic_load(&audit->is_committer_gone))
			pthread_cond_wait(&audit->told, &audit->lock);
		if (!audit->good.first && !audit->bad.first)
			break;

		enum bl_status status = audit->good.first ? BL_OK : BL_LOG_BROKEN;
		struct queue *queue = audit->good.first ? &audit->good : &audit->bad;
		struct audit_ticket *first = queue->first;

		queue_init(queue);
		pthread_mutex_unlock(&audit->lock);
		queue_tell(first, status);
		pthread_mutex_lock(&audit->lock);
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}
