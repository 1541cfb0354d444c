// What a program asks of the CUDA driver between two launches of a graph, counted; and, if wanted, a kernel that ends its context.
//
// Loaded into any program that uses CUDA by CUDA_INJECTION64_PATH (CUPTI, "CUDA Injection"). Variables:
//   DRIVER_CALLS_REPORT   file for the counts as JSON, written at the program's end
//   DRIVER_CALLS_STRIKE   as soon as this file exists, a kernel writes to a bad address: from then on all calls of the program fail with error 700
#include <cuda_runtime.h>
#include <cupti.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <tuple>

namespace {

struct Calls {
    long kernels = 0, copies = 0, fills = 0;
    bool operator<(const Calls& other) const { return std::tie(kernels, copies, fills) < std::tie(other.kernels, other.copies, other.fills); }
};

std::mutex guard;
Calls since_graph;
std::map<Calls, long> between_graphs;        // how often so many calls lay between two launches of graphs
long graphs = 0;

bool begins(std::string_view name, std::string_view with) { return name.substr(0, with.size()) == with; }

void CUPTIAPI called(void*, CUpti_CallbackDomain, CUpti_CallbackId, const void* raw) {
    const auto& call = *static_cast<const CUpti_CallbackData*>(raw);
    if (call.callbackSite != CUPTI_API_ENTER || call.functionName == nullptr)
        return;
    const std::string_view name = call.functionName;
    const std::lock_guard<std::mutex> lock(guard);
    if (begins(name, "cuGraphLaunch")) {
        if (graphs++ > 0)
            between_graphs[since_graph]++;
        since_graph = {};
    } else if (begins(name, "cuLaunch")) {
        since_graph.kernels++;
    } else if (begins(name, "cuMemcpy")) {
        since_graph.copies++;
    } else if (begins(name, "cuMemset")) {
        since_graph.fills++;
    }
}

void report() {
    const char* path = std::getenv("DRIVER_CALLS_REPORT");
    FILE* file = path == nullptr ? nullptr : std::fopen(path, "w");
    if (file == nullptr)
        return;
    const std::lock_guard<std::mutex> lock(guard);
    std::fprintf(file, "{\"graph_launches\": %ld, \"between\": [", graphs);
    const char* comma = "";
    for (const auto& [calls, times] : between_graphs) {
        std::fprintf(file, "%s\n {\"times\": %ld, \"kernels\": %ld, \"copies\": %ld, \"fills\": %ld}", comma, times, calls.kernels, calls.copies, calls.fills);
        comma = ",";
    }
    std::fprintf(file, "]}\n");
    std::fclose(file);
}

__global__ void write_nowhere(int* nowhere) { *nowhere = 1; }

void strike_when(const char* path) {
    while (access(path, F_OK) != 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    write_nowhere<<<1, 1>>>(reinterpret_cast<int*>(8));
    std::fprintf(stderr, "driver_calls: struck, %s\n", cudaGetErrorString(cudaDeviceSynchronize()));
}

}  // namespace

// Called by the driver as the program initialises CUDA.
extern "C" __attribute__((visibility("default"))) int InitializeInjection() {
    if (const char* path = std::getenv("DRIVER_CALLS_STRIKE"))
        std::thread(strike_when, path).detach();
    if (std::getenv("DRIVER_CALLS_REPORT") == nullptr)
        return 1;
    CUpti_SubscriberHandle subscriber;
    if (cuptiSubscribe(&subscriber, called, nullptr) != CUPTI_SUCCESS || cuptiEnableDomain(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API) != CUPTI_SUCCESS) {
        std::fprintf(stderr, "driver_calls: CUPTI gives no callbacks\n");
        return 0;
    }
    std::atexit(report);
    return 1;
}
