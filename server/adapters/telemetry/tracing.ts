import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type TracerProviderOptions,
} from '@opentelemetry/sdk-trace';
import type { Span, SpanFacts, Tracing } from '../../ports/metrics.ts';
import { kindOf } from './wrap.ts';

/*
 * Loaded only where a collector is configured. Spans wait in a queue of bounded length and are sent behind the
 * requests' backs; where the collector is away or slow they are dropped, and nothing else happens.
 */

export interface TracingOptions {
  /** http://collector:4318, or with the whole path */
  readonly endpoint: string;
  /** of traces that begin here; where the caller began it, the caller has decided */
  readonly percent: number;
  readonly version: string;
  /** distinguishes instances */
  readonly instance: string;
}

/** Spans that wait to be sent: about a megabyte or two; more are dropped. */
const MOST_WAITING = 2_048;
const SEND_EVERY_MS = 2_000;
/** A collector that has not taken them by then never gets them. */
const SEND_TIMEOUT_MS = 5_000;
/** Stopping the service waits no longer for a collector. */
const CLOSE_MS = 2_000;

export function openTracing({ endpoint, percent, version, instance }: TracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({
    url: tracesUrl(endpoint),
    timeoutMillis: SEND_TIMEOUT_MS,
    concurrencyLimit: 2,
  });
  const provider = new TracerProvider({
    resource: resourceOf({
      'service.name': 'kezheng',
      'service.version': version,
      'service.instance.id': instance,
    }),
    sampler: new ParentBasedSampler({
      root: percent === 100 ? new AlwaysOnSampler() : new TraceIdRatioBasedSampler(percent / 100),
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MOST_WAITING,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('kezheng', version);
  const inside = new AsyncLocalStorage<Context>();

  function begin(name: string, kind: SpanKind, parent: Context, attributes: SpanFacts): Span {
    const span = tracer.startSpan(name, { kind, attributes }, parent);
    const context = trace.setSpan(parent, span);
    return {
      set: (facts) => void span.setAttributes(facts),
      end: (error) => end(span, error),
      run: (work) => inside.run(context, work),
    };
  }

  return {
    request: (name, headers) => begin(name, SpanKind.SERVER, callersContext(headers), {}),
    async within(name, work, facts = {}, root = false) {
      const parent = inside.getStore();
      if (parent === undefined && !root) return work();
      const span = begin(name, SpanKind.INTERNAL, parent ?? ROOT_CONTEXT, facts);
      try {
        const result = await span.run(work);
        span.end();
        return result;
      } catch (error) {
        span.end(error);
        throw error;
      }
    },
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

/** Texts of errors may hold anything, ids and addresses too: only their kind goes out. */
function end(span: OtelSpan, error: unknown): void {
  if (error !== undefined) {
    span.setAttribute('error.type', kindOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ZEROS = /^0+$/;

/** W3C Trace Context §3.2: what is not exactly of this form is ignored, and a new trace begins. */
function callersContext(headers: Readonly<Record<string, string | string[] | undefined>>): Context {
  const given = headers['traceparent'];
  const [, traceId, spanId, flags] = (typeof given === 'string' && TRACEPARENT.exec(given)) || [];
  if (traceId === undefined || spanId === undefined || ZEROS.test(traceId) || ZEROS.test(spanId))
    return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags!, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** A collector is usually named by host and port alone; its path for traces is fixed. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

type Resource = NonNullable<TracerProviderOptions['resource']>;

/** Ours alone: the library's own would add what it finds about the machine. */
function resourceOf(attributes: Readonly<Record<string, string>>): Resource {
  const resource: Resource = {
    attributes,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}
