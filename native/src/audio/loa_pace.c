/* See loa_pace.h. */
#include "loa_pace.h"

#include <math.h>
#include <string.h>

#include "loa_resample.h"

static const float BLOCK_S = 0.02f, BLOCK_MS = 20.0f;
static const float MARGIN_MS = 4.0f, MARGIN_PART = 0.1f;
static const float SHRINK_MS = 1.0f * 0.02f; /* in a block */
static const float SLEW_PPM = 200.0f * 0.02f; /* in a block */
static const float RUN_DRY_PPM = 200.0f;
static const float LEAST_GROWTH_MS = 10.0f, MOST_GROWTH_MS = 40.0f; /* by one stall */
enum { SETTLING = 100 /* blocks whose plain average starts the filters */ };

void loa_pace_init(loa_pace *pace, float depth_ms, float max_depth_ms)
{
    memset(pace, 0, sizeof *pace);
    pace->least_ms = pace->depth_ms = depth_ms;
    pace->most_ms = max_depth_ms;
}

static void forget_lows(loa_pace *pace)
{
    pace->waited = 0;
    for (int i = 0; i < LOA_PACE_LOWS; i++)
        pace->lows_ms[i] = HUGE_VALF;
}

void loa_pace_begin(loa_pace *pace, float missing_ms)
{
    if (missing_ms > 0.0f && missing_ms <= 2.0f * pace->most_ms) {
        float growth = fminf(fmaxf(missing_ms / 2.0f, LEAST_GROWTH_MS), MOST_GROWTH_MS);
        pace->depth_ms = fminf(pace->most_ms, pace->depth_ms + growth);
    }
    if (missing_ms > 0.0f && missing_ms <= 2.0f * BLOCK_MS) /* no outage: the source may be slower than thought */
        pace->learnt_ppm = fmaxf(pace->learnt_ppm - RUN_DRY_PPM, -LOA_RESAMPLE_MAX_PPM);
    pace->seen = 0;
    forget_lows(pace);
}

/* How far the fill regularly falls below its mean. The one worst of the last seconds does not count: what happens
 * once a minute is cheaper concealed than waited for all the time. */
static float usual_dip(const loa_pace *pace)
{
    float worst = 0.0f, second = 0.0f;
    for (int i = 0; i < LOA_PACE_DIPS; i++) {
        float dip = pace->dips_ms[i];
        second = fmaxf(second, fminf(worst, dip));
        worst = fmaxf(worst, dip);
    }
    return second;
}

static void steer(loa_pace *pace, float tau_s, int slave)
{
    /* The loop's own time constant is five times that of the filters before it, the integral's four times that
     * again: a phase margin of about 54 degrees. 1 ms/s is 1000 ppm. */
    float omega = 0.2f / tau_s;
    float error_ms = slave || pace->seen < SETTLING ? 0.0f : pace->smooth_ms - pace->depth_ms;
    /* Being too full costs a little latency and is trimmed in a pause; being too empty costs a gap. */
    float push = error_ms > 0.0f ? 0.4f : 1.0f;
    float wanted = pace->learnt_ppm + 1000.0f * omega * error_ms * push;
    float most = LOA_RESAMPLE_MAX_PPM;
    if (slave)
        pace->learnt_ppm -= pace->learnt_ppm * BLOCK_S * 0.2f;
    else if (fabsf(wanted) < most || wanted * error_ms < 0.0f) /* no wind-up at the bound */
        pace->learnt_ppm += 1000.0f * omega * omega * 0.25f * error_ms * push * BLOCK_S;
    pace->learnt_ppm = fminf(fmaxf(pace->learnt_ppm, -most), most);
    wanted = fminf(fmaxf(wanted, -most), most);
    pace->ppm += fminf(fmaxf(wanted - pace->ppm, -SLEW_PPM), SLEW_PPM);
}

void loa_pace_observe(loa_pace *pace, float fill_ms, int slave)
{
    pace->seen++;
    float dip_ms = usual_dip(pace);
    float tau_s = 5.0f + 20.0f * dip_ms / 1000.0f;
    float gain = fmaxf(1.0f / (float)pace->seen, BLOCK_S / tau_s);
    pace->mean_ms += gain * (fill_ms - pace->mean_ms);
    pace->smooth_ms = pace->seen < SETTLING ? pace->mean_ms
                                            : pace->smooth_ms + gain * (pace->mean_ms - pace->smooth_ms);

    uint32_t second = pace->seen / 100 % LOA_PACE_DIPS, tenth = pace->seen / 5 % LOA_PACE_LOWS;
    if (pace->seen % 100 == 0)
        pace->dips_ms[second] = 0.0f;
    if (pace->seen % 5 == 0)
        pace->lows_ms[tenth] = HUGE_VALF;
    if (pace->seen >= SETTLING)
        pace->dips_ms[second] = fmaxf(pace->dips_ms[second], pace->smooth_ms - fill_ms);
    pace->lows_ms[tenth] = fminf(pace->lows_ms[tenth], fill_ms);
    pace->waited++;

    float need_ms = fminf((1.0f + MARGIN_PART) * usual_dip(pace) + BLOCK_MS + MARGIN_MS, pace->most_ms);
    pace->depth_ms = fmaxf(pace->depth_ms - SHRINK_MS, fmaxf(need_ms, pace->least_ms));
    steer(pace, tau_s, slave);
}

float loa_pace_excess(const loa_pace *pace, float slack_ms)
{
    if (pace->waited < 5 * LOA_PACE_LOWS)
        return 0.0f;
    float low = HUGE_VALF;
    for (int i = 0; i < LOA_PACE_LOWS; i++)
        low = fminf(low, pace->lows_ms[i]);
    float excess = low - (pace->depth_ms - usual_dip(pace));
    return excess > slack_ms ? excess : 0.0f;
}

void loa_pace_trimmed(loa_pace *pace, float ms)
{
    pace->mean_ms -= ms;
    pace->smooth_ms -= ms;
    forget_lows(pace);
}
