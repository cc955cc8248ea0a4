"""Invoices of Anthropic and OpenAI."""

from __future__ import annotations

from support_invoices import Invoice, anthropic, chat, responses

SEARCH = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
OPENED = {"type": "web_search_call", "status": "completed", "action": {"type": "open_page", "url": "https://a.example"}}
FILES = {"type": "file_search_call", "status": "completed", "queries": ["q"]}

LABS = {
    # --- Anthropic ---
    "Anthropic: a cache that is read and written": Invoice(
        "claude-sonnet-5",
        anthropic(6, 489, read=20443, written=574, output_tokens_details={"thinking_tokens": 77}),
        [(6, "2", "input"), (20443, "0.2", "cache_read"), (574, "2.5", "cache_write"), (489, "10", "output")],
        "116763a0c1b316c8",
        total="0.0104256",
    ),
    "Anthropic: a cache that is kept an hour": Invoice(
        "claude-sonnet-4-20250514",
        anthropic(17, 100, hour=2056),
        [(17, "3", "input"), (2056, "6", "cache_write_1h"), (100, "15", "output")],
        "4c74308747ac5fc7",
        total="0.013887",
    ),
    "Anthropic: caches of both lengths": Invoice(
        "claude-sonnet-4-6",
        anthropic(10, 13, written=67, hour=1603),
        [(10, "3", "input"), (67, "3.75", "cache_write"), (1603, "6", "cache_write_1h"), (13, "15", "output")],
        "9cc093d021c733ce",
        total="0.01009425",
    ),
    "Anthropic: a search of the web": Invoice(
        "claude-sonnet-4-5",
        anthropic(7744, 353, server_tool_use={"web_fetch_requests": 0, "web_search_requests": 1}),
        [(7744, "3", "input"), (353, "15", "output"), (1, "10", "fees.web_search_requests")],
        "9396d363320b5cd4",
        total="0.038527",
    ),
    "Anthropic: a page that is fetched for its tokens alone": Invoice(
        "claude-sonnet-4-6",
        anthropic(26447, 528, server_tool_use={"web_fetch_requests": 1, "web_search_requests": 0}),
        [(26447, "3", "input"), (528, "15", "output"), (1, "0", "fees.web_fetch_requests")],
        "6151f2c6f437fb67",
        total="0.087261",
    ),
    "Anthropic: a long prompt at one price, and ten searches": Invoice(
        "claude-sonnet-4-5",
        anthropic(401468, 792, server_tool_use={"web_search_requests": 10}),
        [(401468, "3", "input"), (792, "15", "output"), (10, "10", "fees.web_search_requests")],
        "9858f11aee39c2b6",
        total="1.316284",
    ),
    "Anthropic: a conversation that was made shorter first": Invoice(
        "claude-sonnet-4-6",
        anthropic(
            229,
            5,
            iterations=[
                {"type": "compaction", **anthropic(100, 131, written=55096)["usage"]},
                {"type": "message", **anthropic(229, 5)["usage"]},
            ],
        ),
        [
            (100, "3", "input"),
            (55096, "3.75", "cache_write"),
            (131, "15", "output"),
            (229, "3", "input"),
            (5, "15", "output"),
        ],
        "c31d163cf6b15d92",
        total="0.209637",
    ),
    "Anthropic: a batch, with a cache that is kept an hour": Invoice(
        "claude-haiku-4-5",
        anthropic(1000, 200, read=400, hour=2000, service_tier="batch"),
        [
            (1000, "0.5", "services.batch.input"),
            (400, "0.05", "services.batch.cache_read"),
            (2000, "1", "services.batch.cache_write_1h"),
            (200, "2.5", "services.batch.output"),
        ],
        total="0.00302",
    ),
    # --- OpenAI ---
    "OpenAI: a cache that is read, and thoughts": Invoice(
        "gpt-5-nano",
        responses(
            {
                "input_tokens": 1586,
                "input_tokens_details": {"cached_tokens": 1536, "cache_write_tokens": 0},
                "output_tokens": 393,
                "output_tokens_details": {"reasoning_tokens": 320},
                "total_tokens": 1979,
            }
        ),
        [(50, "0.05", "input"), (1536, "0.005", "cache_read"), (393, "0.4", "output")],
        "4c379ce3ad52fd35",
        total="0.00016738",
    ),
    "OpenAI: a cache that is written, on chat completions": Invoice(
        "gpt-5.6-sol",
        chat(
            {
                "prompt_tokens": 1220,
                "completion_tokens": 100,
                "total_tokens": 1320,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 1217, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 100, "audio_tokens": 0},
            },
            service_tier="default",
        ),
        [(3, "4", "input"), (1217, "5", "cache_write"), (100, "20", "output")],
        "ee837509acfd4b3e",
        total="0.008097",
    ),
    "OpenAI: a cache that is written, on Responses": Invoice(
        "gpt-5.6-sol",
        responses(
            {
                "input_tokens": 4020,
                "input_tokens_details": {"cache_write_tokens": 4012, "cached_tokens": 0},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 4025,
            }
        ),
        [(8, "4", "input"), (4012, "5", "cache_write"), (5, "20", "output")],
        "3df3e7a4b26eaa26",
        total="0.020192",
    ),
    "OpenAI: speech": Invoice(
        "gpt-4o-mini-audio-preview",
        chat(
            {
                "prompt_tokens": 22,
                "completion_tokens": 18,
                "total_tokens": 40,
                "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0, "text_tokens": 22},
                "completion_tokens_details": {"audio_tokens": 12, "reasoning_tokens": 0, "text_tokens": 6},
            }
        ),
        [(22, "0.15", "input"), (6, "0.6", "output"), (12, "20", "audio_output")],
        "6154754b6ca28fda",
        total="0.0002469",
    ),
    "OpenAI: the flex tier": Invoice(
        "gpt-5-nano",
        chat(
            {
                "prompt_tokens": 8,
                "completion_tokens": 368,
                "total_tokens": 376,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 320, "audio_tokens": 0},
            },
            service_tier="flex",
        ),
        [(8, "0.025", "services.flex.input"), (368, "0.2", "services.flex.output")],
        "d1fdcdbe2b75c38e",
        total="0.0000738",
    ),
    "OpenAI: the priority tier": Invoice(
        "gpt-4.1",
        chat(
            {"prompt_tokens": 1000, "completion_tokens": 200, "prompt_tokens_details": {"cached_tokens": 600}},
            service_tier="priority",
        ),
        [
            (400, "3.5", "services.priority.input"),
            (600, "0.875", "services.priority.cache_read"),
            (200, "14", "services.priority.output"),
        ],
        total="0.004725",
    ),
    "OpenAI: a long prompt": Invoice(
        "gpt-5.5",
        responses({"input_tokens": 300000, "input_tokens_details": {"cached_tokens": 100000}, "output_tokens": 1000}),
        [(200000, "10", "tiers.0.input"), (100000, "1", "tiers.0.cache_read"), (1000, "45", "tiers.0.output")],
        total="2.145",
    ),
    "OpenAI: searches of the web, and pages that are opened": Invoice(
        "gpt-5",
        responses(
            {
                "input_tokens": 33151,
                "input_tokens_details": {"cached_tokens": 4352},
                "output_tokens": 3367,
                "output_tokens_details": {"reasoning_tokens": 2624},
                "total_tokens": 36518,
            },
            *[SEARCH] * 7,
            OPENED,
        ),
        [
            (28799, "1.25", "input"),
            (4352, "0.125", "cache_read"),
            (3367, "10", "output"),
            (7, "10", "fees.web_search_requests"),
        ],
        "a121b8837804b5b3",
        total="0.14021275",
    ),
    "OpenAI: a search in files": Invoice(
        "gpt-4.1",
        responses({"input_tokens": 2000, "output_tokens": 100}, FILES, FILES),
        [(2000, "2", "input"), (100, "8", "output"), (2, "2.5", "fees.file_search_requests")],
        total="0.0098",
    ),
    "OpenAI: a model that searches in every call": Invoice(
        "gpt-4o-search-preview",
        chat({"prompt_tokens": 20, "completion_tokens": 300}),
        [(20, "2.5", "input"), (300, "10", "output"), (1, "25", "fees.request")],
        total="0.02805",
    ),
}
