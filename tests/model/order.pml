/* SPDX-License-Identifier: GPL-2.0 */
/*
 * order.pml - the order in which the blocking calls of a side are served: a model for
 * spin(1)
 *
 * scripts/lib/model-test includes this file as it does wake.pml. `configurations` and
 * `mutants` list both; names that begin with `order/` are of this model.
 *
 * What is modelled. A FIFO of CAP bytes, `used` of which are stored. The room of a side is
 * the number of bytes that it may move: CAP - used for the producer, used for the consumer.
 * Each side has a queue of blocking calls (sleepers), in the order of their arrival.
 * Proctypes and inlines stand for:
 *
 *	sleeper			io_run(), for calls that block; its need is 1, or n for
 *				an atomic write of n bytes
 *	turn			io_turn() and vfifo_ring_overtake(), under the
 *				side's lock
 *	wait, enter, get_up	vfifo_ring_wait(), sleeper_enter(), sleeper_get_up()
 *	leave			vfifo_ring_leave()
 *	wake			sleepers_wake(); and vfifo_ring_pass_on(), the same for
 *				the caller's own side
 *	pass_on			io_pass_on()
 *	STRICT			must_be_next()
 *	find, show_least	next_to_wake(); least_to_wake(), sleepers_changed()
 *	intruder		a call with O_NONBLOCK, or the generator: it ignores the
 *				queue and passes no wake-up on
 *	poller			a program that polls before each nonblocking call
 *	holder			the holder of a claim, which ignores the queue, and
 *				kicks
 *	signaller		a signal, at any point of a blocking call
 *	tuner			vfifo_ring_set_watermark(), and wake_changed_sleepers() after it
 *
 * With RECORDS the bytes are those of records with their headers: a call of the producer side moves
 * one record, whose space is its need, and one of the consumer side takes one, of any size.
 *
 * Memory is sequentially consistent here, and a poller is woken at once; barriers and the
 * wake-ups of pollers are modelled in wake.pml and the *.litmus files. The section under a
 * queue's lock is one step. A side's lock is held for two steps: in the first a call
 * decides whether it may move, in the second it moves.
 *
 * The rules that are modelled
 *
 *  1. A sleeper keeps its place from its first sleep until it leaves: after it has moved
 *     bytes, for a signal, or before it faults in user memory. A woken sleeper keeps its
 *     place too, but until it sleeps again it gets no further wake-up, and its need does
 *     not count for bit and threshold.
 *  2. The first sleeper of a side, H, may be overtaken K times. Then no blocking call
 *     behind it moves before it does, provided that
 *     need(H) + watermark of the other side <= CAP + 1. The count begins again when
 *     H leaves.
 *  3. A move wakes one sleeper of the other side: the first one that is asleep and whose
 *     need is met, or only H while rule 2 holds the others back.
 *  4. A sleeper that leaves, or that was woken and sleeps again, wakes the next one of its
 *     own side by the same rule.
 *
 * Why a watermark and a need never wait for each other. Suppose that the need of H is not
 * met: free < need(H), so used > CAP - need(H). By the condition of rule 2,
 * CAP - need(H) >= watermark - 1, so used >= watermark. Each reader that polls can
 * continue, and so can one that blocks, as a watermark is at least 1. The bytes that they
 * take make room for H. If H does not meet the condition, there may be too little room for
 * H while `used` is below the watermark, and the missing bytes can only come from smaller
 * calls behind H. Therefore these are not held back. (Without such calls H and the reader
 * do wait for each other, which the ABI documents.) On the consumer side each need is 1,
 * and 1 + write_watermark <= CAP + 1 always holds.
 *
 * Properties that are checked:
 *
 *  1. No wake-up is lost: when no process can move (`judge`), no call sleeps that has
 *     enough room and need not wait behind H.
 *  2. No deadlock: each process that has to move a number of bytes (`must`) has done so.
 *  3. H is overtaken at most K times while rule 2 applies. For this check the model keeps
 *     an order and a count (`came`, `passed`) that the rules do not use.
 *  4. A sleeper is woken only if it may continue at that time (`needless`).
 *  5. A holder kicks at most once for each sleep of a call (`credit`), plus once for each
 *     time that another call may take the bytes that the sleeper waits for.
 *
 * Not modelled: which call gets the side's lock, so the model does not bound the waiting
 * time; the end of a claim, end of file and removal, which end a wait as a signal does;
 * calls that move their bytes in several parts, which are several calls here.
 */
#define P 0 /* enum vfifo_end */
#define C 1
#define OTHER(e) (1 - (e))

#ifndef CAP
#define CAP 4
#endif
#ifndef K
#define K 1 /* VFIFO_OVERTAKES */
#endif
#ifndef FULL
#define FULL 0 /* bytes stored initially */
#endif
/* RECORDS: each record that is stored initially has so many bytes. */
#ifndef WM_P
#define WM_P 1
#endif
#ifndef WM_C
#define WM_C 1
#endif
#ifndef FAULTS
#define FAULTS 0 /* number of page faults in calls of the side FAULTY */
#endif
#ifndef FAULTY
#define FAULTY P
#endif
#define NP 4 /* processes, by number; each queue has room for all of them */
#define NONE 255 /* no process; and VFIFO_NO_NEED */

byte used;
#ifdef RECORDS
byte record[CAP];	/* the sizes of the records that are stored, in order */
byte records;
#endif
byte wm[2];		/* watermarks */
bit lk[2];		/* a side's lock */
byte end_of[NP];	/* the side of a process */

/* struct vfifo_queue */
byte q[8], qn[2];
byte over[2];		/* how often the first one was overtaken, at most K */
byte least[2];		/* NONE: the SLEEP bit is clear; otherwise the threshold */

/* struct vfifo_sleeper, and its task */
byte want[NP];
bit woken[NP];
bit up[NP];		/* the task's state is TASK_RUNNING */
bit sig[NP];		/* a signal is pending */
bit asleep[NP];

byte faults;

/* Only assertions use these. */
byte came[8], n_came[2]; /* waiting blocking calls, in the order of their arrival */
byte passed[2];		/* how often others moved before the first of them */
bit must[NP];
byte credit[2];		/* sleeps minus kicks */
bit needless;

#define ROOM(e) ((e) == P -> CAP - used : used)
#define FIRST(e) q[4 * (e)]
#define QUEUED(p, e) (q[4 * (e)] == p || q[4 * (e) + 1] == p || \
		      q[4 * (e) + 2] == p || q[4 * (e) + 3] == p)

/* The first sleeper must be served next. */
#ifndef FIT
#define FIT (CAP + 1)
#endif
#ifdef M_NO_EXCEPTION
#define STRICT(e) (qn[e] > 0 && over[e] >= K)
#else
#define STRICT(e) (qn[e] > 0 && over[e] >= K && want[FIRST(e)] + wm[OTHER(e)] <= FIT)
#endif

/* The same for the check: the call must wait behind the first waiting one. */
#define HELD_BACK(p, e) (n_came[e] > 0 && came[4 * (e)] != p && passed[e] >= K && \
			 want[came[4 * (e)]] + wm[OTHER(e)] <= CAP + 1)

/* These are macros, as an inline cannot take an array. */
#define ADD(list, n, e, p) \
	list[4 * (e) + n[e]] = p; \
	n[e]++

#define DROP(list, n, e, p) \
	i = 0; \
	do \
	:: i < n[e] && list[4 * (e) + i] != p -> i++ \
	:: else -> break \
	od; \
	if \
	:: i < n[e] -> \
		do \
		:: i + 1 < n[e] -> list[4 * (e) + i] = list[4 * (e) + i + 1]; i++ \
		:: else -> break \
		od; \
		list[4 * (e) + i] = NONE; \
		n[e]-- \
	:: else \
	fi; \
	i = 0

/* Finds the sleeper `s` to wake for the room `r`. */
inline find(e, r) {
	s = NONE;
#ifdef M_WAKES_FIRST_ONLY
	if
	:: qn[e] > 0 && !woken[FIRST(e)] && want[FIRST(e)] <= r -> s = FIRST(e)
	:: else
	fi
#else
	if
#ifndef M_WAKES_BEHIND
	:: STRICT(e) ->
		if
		:: !woken[FIRST(e)] && want[FIRST(e)] <= r -> s = FIRST(e)
		:: else
		fi
#endif
	:: else ->
		i = 0;
		do
		:: i < qn[e] && (woken[q[4 * (e) + i]] || want[q[4 * (e) + i]] > r) -> i++
		:: else -> break
		od;
		if
		:: i < qn[e] -> s = q[4 * (e) + i]
		:: else
		fi;
		i = 0
	fi
#endif
}

/* Computes the least room for which `find` finds a sleeper. */
inline show_least(e) {
	least[e] = NONE;
	if
#if defined(M_THRESHOLD_FIRST)
	:: true ->
		if
		:: qn[e] > 0 && !woken[FIRST(e)] -> least[e] = want[FIRST(e)]
		:: else
		fi
#elif !defined(M_THRESHOLD_ALL)
	:: STRICT(e) ->
		if
		:: !woken[FIRST(e)] -> least[e] = want[FIRST(e)]
		:: else
		fi
#endif
	:: else ->
		i = 0;
		do
		:: i < qn[e] ->
			if
#ifdef M_THRESHOLD_WOKEN
			:: want[q[4 * (e) + i]] < least[e] ->
#else
			:: !woken[q[4 * (e) + i]] && want[q[4 * (e) + i]] < least[e] ->
#endif
				least[e] = want[q[4 * (e) + i]]
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	fi
}

#ifdef KICKS
#define SLEEPS(e) credit[e]++
#define SLEEPS_FOR(e, place) (qn[e] > place && !woken[q[4 * (e) + place]] && \
			      want[q[4 * (e) + place]] <= ROOM(e))
#define TAKES(e) \
	if \
	:: !counted && (SLEEPS_FOR(e, 0) || SLEEPS_FOR(e, 1) || SLEEPS_FOR(e, 2) || \
			SLEEPS_FOR(e, 3)) -> credit[e]++; counted = 1 \
	:: else \
	fi
#else
#define SLEEPS(e) skip
#define TAKES(e) skip
#endif

/* Wakes one sleeper of a side, if `find` finds one. */
inline wake(e) {
#ifndef COARSE
	r = ROOM(e);
#endif
	atomic {
#ifdef COARSE
		r = ROOM(e);
#endif
		if
		:: r >= least[e] ->
			d_step {
				find(e, r);
				if
				:: s != NONE ->
					needless = want[s] > r || HELD_BACK(s, e);
					woken[s] = 1;
					up[s] = 1;
#ifdef M_LOSES_PLACE
					if
					:: FIRST(e) == s -> over[e] = 0
					:: else
					fi;
					DROP(q, qn, e, s);
#endif
					show_least(e)
				:: else
				fi;
				s = 0
			}
		:: else
		fi;
		r = 0;
		assert(!needless)
	}
}

/* Goes to sleep, in its old place if it has one; `may`: the queue does not hold it back. */
inline enter(p, e) {
	atomic {
		d_step {
			if
			:: !QUEUED(p, e) ->
				ADD(q, qn, e, p);
				woken[p] = 0;
				SLEEPS(e)
			:: QUEUED(p, e) && woken[p] ->
#ifndef M_STAYS_WOKEN
				woken[p] = 0;
#endif
				SLEEPS(e)
			:: else
			fi;
			if
			:: !placed -> placed = 1; ADD(came, n_came, e, p)
			:: else
			fi;
			up[p] = 0;
			show_least(e);
#ifndef M_TURN_ASKED_FIRST
			may = !STRICT(e) || FIRST(e) == p
#endif
		}
	}
}

/* Marks a sleeper as awake: it gets no wake-up. */
inline get_up(p, e) {
	d_step {
		may = 0;
		woken[p] = 1;
		up[p] = 1;
		show_least(e)
	}
}

inline leave(p, e) {
	d_step {
		if
		:: placed ->
			if
#ifdef M_RESET_BY_ANY
			:: true -> over[e] = 0
#else
			:: FIRST(e) == p -> over[e] = 0
			:: else
#endif
			fi;
			DROP(q, qn, e, p);
			woken[p] = 0;
			show_least(e);
			if
			:: came[4 * (e)] == p -> passed[e] = 0
			:: else
			fi;
			DROP(came, n_came, e, p);
			placed = 0
		:: else
		fi
	}
}

inline wait(p, e, n) {
	waited = 1;
	do
	::
#ifdef M_TURN_ASKED_FIRST
	   may = !STRICT(e) || FIRST(e) == p;
#endif
	   enter(p, e);
	   atomic {
		if
#ifndef M_NO_SECOND_LOOK
		:: ROOM(e) >= n && may -> get_up(p, e); break
#endif
		:: else ->
			if
			:: sig[p] -> gone = 1; get_up(p, e); break
			:: else -> asleep[p] = 1; may = 0
			fi
		fi
	   }
end_asleep:
	   atomic {
		(up[p] || sig[p]) ->
		asleep[p] = 0;
		if
		:: woken[p] -> get_up(p, e); break
		:: else
		fi
	   }
	od
}

/*
 * Decides whether a call may move. If so, counts the sleepers that it overtakes and keeps the
 * side's lock, under which it checks and counts.
 */
inline turn(p, e, n) {
	atomic {
		!lk[e];
		d_step {
			moves = ROOM(e) >= n;
			if
			:: moves -> TAKES(e)
			:: else
			fi;
			if
			:: moves && qn[e] > 0 && FIRST(e) != p ->
				if
#ifdef M_ARRIVALS_PASS
				:: STRICT(e) && placed -> moves = 0
#else
				:: STRICT(e) -> moves = 0
#endif
				:: else ->
#ifndef M_NO_COUNT
					if
					:: over[e] < K -> over[e]++; show_least(e)
					:: else
					fi
#endif
				fi
			:: else
			fi;
			lk[e] = moves
		}
		if
		:: moves ->
			assert(!HELD_BACK(p, e));
			if
			:: n_came[e] > 0 && came[4 * (e)] != p && passed[e] < K -> passed[e]++
			:: else
			fi
		:: else
		fi
	}
}

/* Only whole records go in, and one of them comes out. */
#ifdef RECORDS
#define TAKE_RECORD(e) \
	if \
	:: (e) == P -> assert(r == most); record[records] = r; records++ \
	:: else -> \
		r = record[0]; \
		i = 0; \
		do \
		:: i + 1 < records -> record[i] = record[i + 1]; i++ \
		:: else -> break \
		od; \
		i = 0; \
		records--; \
		record[records] = 0 \
	fi
#else
#define TAKE_RECORD(e) skip
#endif

/* Moves what is available, at most `most`; for an atomic write most == n. */
inline move(e, most) {
	d_step {
		TAKES(e);
		counted = 0;
		r = (ROOM(e) < most -> ROOM(e) : most);
		TAKE_RECORD(e);
		used = ((e) == P -> used + r : used - r);
		r = 0;
		lk[e] = 0
	}
}

/* Passes a wake-up on. A call that has never waited has used none. */
inline pass_on(e) {
	if
	:: waited -> wake(e)
	:: else
	fi
}

/* Makes `calls` calls (0: endlessly) with a need of `n` bytes. A signal ends one of them. */
proctype sleeper(byte p; byte e; byte n; byte most; byte calls) {
	byte i, r, s, done;
	bit moves, may, gone, placed, waited, counted;

	d_step { want[p] = n; up[p] = 1; must[p] = calls > 0 }
	do
	:: calls > 0 && done == calls -> break
	:: else ->
		do
		:: /* io_lock(), which a signal interrupts */
		   if
		   :: atomic { sig[p] -> gone = 1 }; break
		   :: turn(p, e, n)
		   fi;
		   if
#if FAULTS > 0
		   :: atomic {
			moves && e == FAULTY && faults > 0 ->
			faults--;
			moves = 0;
			counted = 0;
			lk[e] = 0
		   };
			leave(p, e);
#ifndef M_FAULT_NO_PASS_ON
			pass_on(e);
#endif
			if
			:: true
			:: true -> goto end_faulting
			fi
#endif
		   :: moves -> move(e, most); break
		   :: !moves ->
#ifndef M_AGAIN_NO_PASS_ON
			pass_on(e);
#endif
			wait(p, e, n);
			if
			:: gone -> break
			:: else
			fi
		   fi
		od;
		leave(p, e);
		if
		:: moves -> wake(OTHER(e))
		:: else
		fi;
#ifdef M_SIGNAL_NO_PASS_ON
		if
		:: gone
		:: else -> pass_on(e)
		fi;
#elif !defined(M_NO_PASS_ON)
		pass_on(e);
#endif
		d_step {
			if
			:: gone -> sig[p] = 0
			:: else
			fi;
			if
			:: calls > 0 -> done++
			:: else
			fi;
			gone = 0;
			waited = 0;
			moves = 0
		}
	od;
	goto over_now;
end_faulting:
	false;
over_now:
	skip
}

/* Polls, level-triggered, for the watermark. */
proctype poller(byte p; byte e; byte most) {
	byte i, r, s;
	bit counted;

end_idle:
	do
	:: atomic { ROOM(e) >= wm[e] && !lk[e] -> move(e, most) };
	   wake(OTHER(e))
	od
}

proctype intruder(byte p; byte e; byte n; byte calls) {
	byte i, r, s;
	bit counted;

end_idle:
	do
	:: calls == 0 -> break
	:: atomic { calls > 0 && ROOM(e) >= n && !lk[e] -> move(e, n); calls-- };
	   wake(OTHER(e))
	od
}

/*
 * The only process that moves its side. From a watermark on it moves a byte, tests bit and
 * threshold, and kicks.
 */
proctype holder(byte p; byte e) {
	byte i, r, s;
	bit counted;

end_idle:
	do
	:: atomic { ROOM(e) >= wm[e] -> move(e, 1) };
	   atomic {
		if
		:: least[OTHER(e)] != NONE && ROOM(OTHER(e)) >= least[OTHER(e)] ->
#ifdef KICKS
			assert(credit[OTHER(e)] > 0);
			credit[OTHER(e)]--;
#endif
			s = 1
		:: else
		fi
	   }
	   if
	   :: s -> s = 0; wake(OTHER(e))
	   :: else
	   fi
	od
}

proctype signaller(byte p) {
	atomic { sig[p] = 1; up[p] = 1 }
}

proctype tuner(byte p; byte e; byte watermark) {
	byte i, r, s;

	wm[e] = watermark;
#ifndef M_TUNER_NO_WAKE
	d_step { show_least(OTHER(e)) };
	wake(OTHER(e))
#endif
}

#define JUDGE(p) \
	assert(!(asleep[p] && ROOM(end_of[p]) >= want[p] && !HELD_BACK(p, end_of[p]))); \
	assert(!(must[p] && asleep[p]))

/* Runs when no process can move. */
proctype judge() {
	timeout ->
	d_step {
		JUDGE(0);
		JUDGE(1);
		JUDGE(2);
		JUDGE(3)
	}
}

#define START(p, e, what) end_of[p] = e; run what

init {
	byte i;

	d_step {
		used = FULL;
#ifdef RECORDS
		do
		:: records < FULL / RECORDS -> record[records] = RECORDS; records++
		:: else -> break
		od;
#endif
		faults = FAULTS;
		wm[P] = WM_P;
		wm[C] = WM_C;
		least[P] = NONE;
		least[C] = NONE;
		do
		:: i < 8 -> q[i] = NONE; came[i] = NONE; i++
		:: else -> break
		od;
		i = 0
	}
	atomic {
		RUN;
		run judge()
	}
}
