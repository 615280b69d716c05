# Sidekiq on Redis: one process with ten threads. ../README.md says what the roles are.
#
# The worker is Sidekiq's own program with this file as the application (see `work`).

require "json"
require "sidekiq"

CONCURRENCY = 10

$stdout.sync = true
Sidekiq.configure_client { |config| config.redis = { url: ENV.fetch("QUEUE_REDIS_URL"), size: 1 } }
Sidekiq.configure_server do |config|
  config.redis = { url: ENV.fetch("QUEUE_REDIS_URL") }
  config.logger = Logger.new($stderr, level: Logger::WARN)
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)

def say(event, **more) = $stdout.write("#{JSON.generate({ event:, at: now, **more })}\n")

class Noop
  include Sidekiq::Worker

  @lock = Mutex.new
  @done = 0

  # A job is gone from Redis once it is fetched: there is nothing to acknowledge.
  def self.count(expected)
    @lock.synchronize do
      say("begin") if @done.zero?
      @done += 1
      say("end") if @done == expected
    end
  end

  def perform(_number) = Noop.count(ENV["QUEUE_JOBS"].to_i)
end

class Timed
  include Sidekiq::Worker

  def perform(enqueued) = say("timed", enqueued:)
end

class Sleeper
  include Sidekiq::Worker

  def perform
    say("asleep")
    sleep 300
  end
end

def push_noops(count) = Sidekiq::Client.push_bulk("class" => Noop, "args" => Array.new(count) { |number| [number] })

def push(jobs)
  Sidekiq.redis(&:ping)
  say("ready")
  $stdin.gets
  say("begin")
  jobs.step(1, -1000) { |left| push_noops([left, 1000].min) }
  say("end")
  sleep
end

def singles(jobs)
  jobs.times do
    sleep 0.005
    Timed.perform_async(now)
  end
end

def background
  loop do
    push_noops(20)
    sleep 0.1
  end
end

def work(jobs)
  ENV["QUEUE_JOBS"] = jobs.to_s
  exec("sidekiq", "-r", File.expand_path(__FILE__), "-c", CONCURRENCY.to_s)
end

if Sidekiq.server?
  Sidekiq.configure_server do |config|
    config.on(:startup) { say("ready", setup: "one process, #{CONCURRENCY} threads") }
  end
else
  role, argument = ARGV
  case role
  when "push" then push(argument.to_i)
  when "singles" then singles(argument.to_i)
  when "load" then background
  when "sleeper" then Sleeper.perform_async
  when "work" then work(argument.to_i)
  end
end
