// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One process makes random calls of all kinds. Each result, each byte, each attribute and each
 * page of a mapping is what the model says (tests/fuzz/model.c). A sequence of calls that fails
 * is shrunk and printed; what once failed is in the list below. VFIFO_FUZZ: see
 * tests/fuzz/fuzz.c.
 */
#include <string.h>

#include "fuzz.h"
#include "testlib.h"

/*
 * Sequences that failed once. Their numbers choose among CHOSEN_AMONG attributes. If there are more
 * attributes, a step chooses another one, and its number has to be changed.
 */
#define CHOSEN_AMONG 30

static const struct {
	const char *name, *steps;
} found[] = {
	{ "an overwriting write looks at a position that is valid again",
	  "set.48697.6397.51134.26389+open.21625.46492.12101.32885+"
	  "map.55999.42915.32467.46330+position.36757.20225.46068.47492+"
	  "read.48765.16423.40765.11651+position.30690.35532.33292.50232+"
	  "write.0.162.4.0" },
	{ "a file that claims again is still told of the claim that was revoked",
	  "open.24857.45902.21728.49494+map.50980.10396.18641.17051+"
	  "set.29582.50203.16321.23850+map.29854.17060.63295.10145+"
	  "unmap.63119.34314.6343.13810+poll.49985.23600.10475.29428" },
	{ "a mapping of another device is where a part of one was",
	  "open.16096.49217.2978.56561+map.43351.53333.8796.21646+"
	  "unmap.45617.51420.18396.32320+open.38384.21276.32722.29655+"
	  "map.2024.31529.49534.58360+show.33398.55365.7222.47682" },
	{ "an epoll that is changed is told of the other direction",
	  "open.42139.62373.13272.50942+write.41426.47763.52541.4292+"
	  "epoll-ctl.55572.971.61495.19547+epoll-ctl.49710.61917.9915.47750+"
	  "clear.22529.2922.15179.52761+epoll-wait.48278.37380.17949.45895" },
	{ "no call looks at the positions, so the model does not",
	  "open.48657.24443.55313.47817+map.48628.5073.20679.35309+"
	  "position.43194.36885.32488.50798+read.20727.24346.37147.8077+"
	  "position.53733.60516.11911.41230+uring.49298.46859.51579.10702+"
	  "map.21231.6800.58347.29057+position.12758.33866.40562.10206+"
	  "uring-wait.13560.16300.49036.61953" },
};

int main(int argc, char **argv)
{
	struct campaign c;

	/* A step executes this program. */
	if (argc > 1 && !strcmp(argv[1], "--nothing"))
		return 0;
	c = campaign_from_environment(1, share(5000000, 150000), 1e9);
	if (!c.replay) {
		check_equal(attributes_count(), CHOSEN_AMONG);
		for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
			subtest("found: %s", found[i].name);
			run_found(found[i].name, found[i].steps);
		}
		subtest("random calls");
	}
	fuzz_against_the_model(&c);
	return 0;
}
