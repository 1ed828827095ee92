#include "fs/audit/window.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

const uint8_t *window_get(struct window *window, uint64_t offset, size_t length, size_t *out_length)
{
	uint64_t end = window->at + window->have;
	size_t left = (size_t)BL_MIN((uint64_t)WINDOW_BUFFER, window->size - offset);

	length = BL_MIN(length, left);
	if (offset < window->at || offset + length > end) {
		size_t done = 0;

		while (done < left) {
			ssize_t got = pread(window->fd, window->buffer + done, left - done,
					    (off_t)(offset + done));

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return NULL;
			done += (size_t)got;
		}
		window->at = offset;
		window->have = done;
		end = offset + done;
	}
	*out_length = (size_t)(end - offset);
	return window->buffer + (offset - window->at);
}

void window_forget(struct window *window)
{
	window->have = 0;
}

bool window_end(struct window *window, uint64_t from, uint64_t *out_end)
{
	uint64_t end = from;

	for (uint64_t at = from; at < window->size;) {
		size_t length;
		const uint8_t *bytes = window_get(window, at, WINDOW_BUFFER, &length);

		if (!bytes)
			return false;
		if (!sodium_is_zero(bytes, length)) {
			size_t last = length;

			while (bytes[last - 1] == 0)
				last--;
			end = at + last;
		}
		at += length;
	}
	*out_end = end;
	return true;
}
