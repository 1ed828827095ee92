#include "fs/session/sealed/sealed.h"

void seal_trial_begin(void)
{
}

int seal_trial(BL_UNUSED const char *step)
{
	return 0;
}
