/* The index as others see it: one at a time, and made anew when it turns out not to fit. */
#include "fs/audit/index-db.h"

#include <fcntl.h>
#include <stdlib.h>

static int duplicate(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static enum bl_status open_all(struct audit_index *index, int store_fd, struct bl_error *why)
{
	index->tallies = calloc(INDEX_TALLIES, sizeof(*index->tallies));
	index->words = calloc(INDEX_WORDS, sizeof(*index->words));
	if (!index->tallies || !index->words)
		return bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	index_forget_words(index);
	if (index->log_fd < 0 || (store_fd >= 0 && index->store_fd < 0))
		return bl_fail_errno(why, BL_IO, "cannot open the log's index");

	enum bl_status status = audit_log_id(index->log_fd, index->log_id, why);

	return status == BL_OK ? index_open_file(index, why) : status;
}

enum bl_status audit_index_open(int store_fd, int log_fd, struct audit_index **out_index,
				struct bl_error *why)
{
	struct audit_index *index = calloc(1, sizeof(*index));

	if (!index)
		return bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	pthread_mutex_init(&index->lock, NULL);
	index->folder_fd = -1;
	index->store_fd = duplicate(store_fd);
	index->log_fd = duplicate(log_fd);

	enum bl_status status = open_all(index, store_fd, why);

	if (status == BL_OK)
		*out_index = index;
	else
		audit_index_close(index);
	return status;
}

void audit_index_close(struct audit_index *index)
{
	if (!index)
		return;
	if (index->words)
		index_close_file(index);
	pthread_mutex_destroy(&index->lock);
	fd_close(index->store_fd);
	fd_close(index->log_fd);
	free(index->tallies);
	free(index->words);
	free(index);
}

/* ---- one at a time, twice at most ------------------------------------------------------------ */

/* What is asked of an index; what of it was answered already is not answered again. */
struct asking {
	audit_index_progress_fn *progress;
	audit_record_fn *tell;
	void *context;
	struct audit_query query;
	uint64_t told;
	enum audit_table kind;
	const struct audit_hours *hours;
	struct table *table; /* NULL: records */
	bool is_stopped;
};

typedef enum bl_status work_fn(struct audit_index *index, struct asking *asking,
			       struct bl_error *why);

static enum bl_status reopen(struct audit_index *index, struct bl_error *why)
{
	index_remove(index);
	return index_open_file(index, why);
}

static enum bl_status make_anew(struct audit_index *index, struct asking *asking,
				struct bl_error *why)
{
	enum bl_status status = reopen(index, why);

	if (status == BL_OK)
		status = index_fill(index, asking->progress, asking->context, why);
	/* A broken log: what is good of it is in there. */
	return status == BL_TAMPERED ? BL_OK : status;
}

static enum bl_status with_index(struct audit_index *index, work_fn *work, struct asking *asking,
				 struct bl_error *why)
{
	pthread_mutex_lock(&index->lock);

	/* It could not be opened again the last time. */
	enum bl_status status = index->db ? BL_OK : make_anew(index, asking, why);

	if (status == BL_OK)
		status = work(index, asking, why);
	if (index->is_spoiled) {
		status = make_anew(index, asking, why);
		if (status == BL_OK)
			status = work(index, asking, why);
		if (index->is_spoiled) {
			/* Its room is given back; it is tried again with the next question. */
			index_remove(index);
			index->is_spoiled = false;
		}
	}
	pthread_mutex_unlock(&index->lock);
	return status;
}

static enum bl_status update(struct audit_index *index, struct asking *asking, struct bl_error *why)
{
	enum bl_status status = index_is_there(index) ? BL_OK : reopen(index, why);

	return status == BL_OK ? index_fill(index, asking->progress, asking->context, why) : status;
}

enum bl_status audit_index_update(struct audit_index *index, uint64_t to_sequence,
				  audit_index_progress_fn *progress, void *context,
				  struct bl_error *why)
{
	struct asking asking = {.progress = progress, .context = context};

	pthread_mutex_lock(&index->lock);
	index->to = BL_MAX(index->to, to_sequence);
	pthread_mutex_unlock(&index->lock);
	return with_index(index, update, &asking, why);
}

static bool tell_once(void *context, const struct audit_record *record)
{
	struct asking *asking = context;

	asking->told++;
	asking->query.first_sequence = record->sequence + 1;
	asking->is_stopped = !asking->tell(asking->context, record);
	return !asking->is_stopped;
}

static enum bl_status find(struct audit_index *index, struct asking *asking, struct bl_error *why)
{
	struct audit_query rest = asking->query;

	if (asking->is_stopped || (rest.last && rest.last <= asking->told))
		return BL_OK;
	if (rest.last)
		rest.last -= asking->told;
	return index_find(index, &rest, tell_once, asking, why);
}

enum bl_status audit_index_find(struct audit_index *index, const struct audit_query *query,
				audit_record_fn *tell, void *context, struct bl_error *why)
{
	struct asking asking = {.tell = tell, .context = context, .query = *query};

	return with_index(index, find, &asking, why);
}

static enum bl_status count(struct audit_index *index, struct asking *asking, struct bl_error *why)
{
	enum bl_status status;

	table_free(asking->table);
	asking->table = NULL;
	status = table_new(asking->kind, asking->hours, &asking->table, why);
	if (status != BL_OK)
		return status;
	return asking->kind == AUDIT_TABLE_READERS
		       ? index_collect(index, &asking->query, asking->table, why)
		       : index_count(index, &asking->query, asking->table, why);
}

enum bl_status audit_index_table(struct audit_index *index, enum audit_table table,
				 const struct audit_query *query, const struct audit_hours *hours,
				 audit_row_fn *tell, void *context, struct bl_error *why)
{
	struct asking asking = {.query = *query, .kind = table, .hours = hours};
	enum bl_status status = with_index(index, count, &asking, why);

	/* Who is told slowly holds up nobody. */
	if (status == BL_OK)
		status = table_tell(asking.table, query->last, tell, context, why);
	table_free(asking.table);
	return status;
}
